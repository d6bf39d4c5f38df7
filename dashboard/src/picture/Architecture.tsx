import {
  Background,
  Controls,
  MiniMap,
  ReactFlowProvider,
  useReactFlow,
} from "@xyflow/react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Box } from "../api/types";
import { Details } from "../details/Details";
import { PROFILE, Profiles } from "../details/Profiles";
import { type Tried, WhatIf } from "../details/WhatIf";
import { useWords } from "../words";
import { Canvas } from "./Canvas";
import { Fresh } from "./Fresh";
import { Legend } from "./Legend";
import { flowOf } from "./flow";
import { drawnAsOne, focusOn, toggled } from "./opening";
import { type Choice, isGone, usePicture } from "./usePicture";
import { ZoomPath } from "./ZoomPath";
import { addressOf, chooseAt, OUTSIDE, zoomOf, zoomTo } from "./zoom";

// Clear of the legend; on very wide screens things are larger.
const FIT = {
  padding: { top: "16px", left: "16px", right: "16px", bottom: "64px" },
  maxZoom: innerWidth >= 2560 ? 2 : 1.25,
} as const;

/** The home page: who uses what, through which layer; `at` is the vGPU or queue that is shown. */
export function Architecture({ mayAct, at }: { mayAct: boolean; at: string }) {
  return (
    <ReactFlowProvider>
      <View mayAct={mayAct} at={at} />
    </ReactFlowProvider>
  );
}

function View({ mayAct, at }: { mayAct: boolean; at: string }) {
  const words = useWords();
  const zoom = useMemo(() => zoomOf(at), [at]);
  const [of, setChoice] = useState<Omit<Choice, "vgpu">>({
    group: "node",
    owner: "",
    device: "",
    collapse: "auto",
    opened: [],
    closed: [],
  });
  const choice: Choice = { ...of, vgpu: zoom.vgpu };
  const [chosen, setChosen] = useState(zoom.chosen);
  // The address was changed: by a link, by hand, or by the browser's way back.
  const [seen, setSeen] = useState(at);
  if (seen !== at) {
    setSeen(at);
    const before = zoomOf(seen).vgpu;
    if (zoom.chosen !== "") setChosen(zoom.chosen);
    else if (before !== zoom.vgpu) setChosen(`vgpu:${zoom.vgpu || before}`);
  }
  const [tried, setTried] = useState<Tried | null>(null);
  const [search, setSearch] = useState("");
  const { picture, late, error, chosen: arrived } = usePicture(choice);
  const flow = useReactFlow();
  const layout = `${choice.group} ${choice.vgpu}`;
  const fitted = useRef<string>(layout);
  useEffect(() => {
    // Another layout is another picture: it is shown whole, as the first one was.
    if (!arrived || fitted.current === layout) return;
    fitted.current = layout;
    requestAnimationFrame(() => void flow.fitView(FIT));
  }, [arrived, layout, flow]);
  useEffect(() => {
    if (zoom.vgpu === "") return undefined;
    const leave = (event: KeyboardEvent) => {
      const typing = (event.target as HTMLElement | null)?.closest("input, select");
      if (event.key === "Escape" && !typing) zoomTo(OUTSIDE);
    };
    addEventListener("keydown", leave);
    return () => removeEventListener("keydown", leave);
  }, [zoom.vgpu]);
  const drawn = useMemo(
    () => (picture === undefined ? null : flowOf(picture, chosen, search)),
    [picture, chosen, search],
  );
  const owners = useMemo(
    () => [...new Set(picture?.boxes.map((box) => box.owner ?? "").filter(Boolean))].sort(),
    [picture],
  );
  if (picture === undefined || drawn === null || (zoom.vgpu !== "" && isGone(error))) {
    return (
      <p className="notice" role="status">
        {error === null ? words("asking") : isGone(error) ? words("gone") : words("daemon-away")}{" "}
        {zoom.vgpu !== "" && <a href={OUTSIDE}>{words("zoom-leave")}</a>}
      </p>
    );
  }
  const box = picture.boxes.find((one) => one.id === chosen);
  const find = (text: string) => {
    setSearch(text);
    const first = text === "" ? undefined : flowOf(picture, "", text).found[0];
    if (first !== undefined) void flow.fitView({ nodes: [{ id: first }], duration: 300, maxZoom: 1 });
  };
  const drop = (event: React.DragEvent) => {
    const told = event.dataTransfer.getData(PROFILE);
    const at = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    const device = picture.boxes.find((one) => one.kind === "device" && holds(one, at.x, at.y));
    if (told !== "" && device !== undefined) {
      event.preventDefault();
      setTried({ profile: told, device: device.subject ?? "" });
    }
  };
  const choose = (id: string) => {
    setChosen(id);
    if (picture.vgpu && id !== "") chooseAt(addressOf(picture.vgpu, id));
  };
  const open = (id: string) => {
    const found = picture.boxes.find((it) => it.id === id);
    if (found?.zooms) return zoomTo(addressOf(found.zooms, ""));
    if (picture.vgpu && id === `vgpu:${picture.vgpu}`) return zoomTo(OUTSIDE);
    const opens = found?.opens ?? "";
    if (opens === "") return;
    setChoice(toggled(of, opens, drawnAsOne(picture, opens)));
    focusOn(picture, opens);
  };
  return (
    <div className="architecture">
      <div className="tools" role="search">
        <input
          type="search"
          aria-label={words("search")}
          placeholder={words("search")}
          value={search}
          onChange={(event) => find(event.target.value)}
        />
        <label>
          {words("owner")}{" "}
          <select
            value={choice.owner}
            disabled={zoom.vgpu !== ""}
            onChange={(event) => setChoice({ ...of, owner: event.target.value })}
          >
            <option value="">{words("all")}</option>
            {[...new Set([...owners, choice.owner])].filter(Boolean).map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          {words("group")}{" "}
          <select
            value={choice.group}
            disabled={zoom.vgpu !== ""}
            onChange={(event) =>
              setChoice({ ...of, group: event.target.value as Choice["group"] })
            }
          >
            {(["node", "owner", "mode"] as const).map((one) => (
              <option key={one} value={one}>
                {words(`group-${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words("collapse")}{" "}
          <select
            value={choice.collapse}
            disabled={zoom.vgpu !== ""}
            onChange={(event) =>
              setChoice({
                ...of,
                collapse: event.target.value as Choice["collapse"],
                opened: [],
                closed: [],
              })
            }
          >
            {(["auto", "all", "none"] as const).map((one) => (
              <option key={one} value={one}>
                {words(`collapse-${one}`)}
              </option>
            ))}
          </select>
        </label>
        <Fresh late={late} />
      </div>
      <ZoomPath picture={picture} box={box} choose={choose} />
      <div className="stage">
        <div
          className={late === null ? "canvas" : "canvas late"}
          data-testid="picture"
          data-sequence={picture.sequence}
          onKeyDown={(event) => {
            const id = (event.target as HTMLElement).dataset["id"];
            if (event.key === "Enter" && id !== undefined) open(id);
          }}
          onDragOver={(event) => event.dataTransfer.types.includes(PROFILE) && event.preventDefault()}
          onDrop={drop}
        >
          <Canvas
            drawn={drawn}
            onlyRenderVisibleElements
            minZoom={0.05}
            maxZoom={3}
            fit={FIT}
            whole={search === ""}
            onNodeClick={(_, node) => choose(node.id)}
            onNodeDoubleClick={(_, node) => open(node.id)}
            onPaneClick={() => setChosen("")}
            onNodesChange={(changes) => {
              // By the keyboard; what else changes comes with the next picture.
              for (const change of changes) {
                if (change.type === "select" && change.selected) choose(change.id);
              }
            }}
          >
            <Background gap={24} />
            <Controls showInteractive={false} />
            {picture.boxes.length > 120 && <MiniMap pannable zoomable ariaLabel={words("overview")} />}
          </Canvas>
          <Legend />
        </div>
        <aside aria-label={words("details")}>
          {tried !== null && <WhatIf tried={tried} close={() => setTried(null)} />}
          {box === undefined ? (
            <Profiles />
          ) : (
            <Details box={box} picture={picture} mayAct={mayAct} late={late !== null}
              toggle={() => open(box.id)} />
          )}
        </aside>
      </div>
    </div>
  );
}

function holds(box: Box, x: number, y: number): boolean {
  return box.x <= x && x < box.x + box.width && box.y <= y && y < box.y + box.height;
}
