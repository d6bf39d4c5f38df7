import type { Box, Picture } from "../api/types";
import { useWords } from "../words";
import { addressOf, OUTSIDE, partsOf } from "./zoom";

/** Where in the picture one is: the node, a vGPU, a queue; each step leads there. */
export function ZoomPath({
  picture,
  box,
  choose,
}: {
  picture: Picture;
  box: Box | undefined;
  choose: (id: string) => void;
}) {
  const words = useWords();
  const vgpu = picture.vgpu ?? "";
  if (vgpu === "") return null;
  const name = picture.boxes.find((one) => one.id === `vgpu:${vgpu}`)?.title.values?.["name"];
  const parts = box === undefined ? null : partsOf(box);
  const title = box === undefined ? "" : words(box.title.key, box.title.values ?? {});
  return (
    <nav className="zoom" aria-label={words("zoom-path")}>
      <a className="out" href={OUTSIDE} title={words("zoom-help")}>
        <span aria-hidden="true">← </span>
        {words("zoom-leave")}
      </a>
      <ol>
        <li>
          <a href={OUTSIDE}>{words("zoom-node", { name: picture.node })}</a>
        </li>
        <li>
          <a
            href={addressOf(vgpu, "")}
            aria-current={parts === null ? "true" : undefined}
            // The address alone doesn't say that what was chosen there isn't any more.
            onClick={() => choose(`vgpu:${vgpu}`)}
          >
            {words("zoom-vgpu", { name: name ?? vgpu })}
          </a>
        </li>
        {parts !== null && box !== undefined && (
          <li>
            <a href={addressOf(vgpu, box.id)} aria-current="true">
              {title}
            </a>
          </li>
        )}
      </ol>
    </nav>
  );
}
