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
import { type Choice, usePicture } from "./usePicture";

// Clear of the legend; on very wide screens things are larger.
const FIT = {
  padding: { top: "16px", left: "16px", right: "16px", bottom: "64px" },
  maxZoom: innerWidth >= 2560 ? 2 : 1.25,
} as const;

/** The home page: who uses what, through which layer. */
export function Architecture({ mayAct }: { mayAct: boolean }) {
  return (
    <ReactFlowProvider>
      <View mayAct={mayAct} />
    </ReactFlowProvider>
  );
}

function View({ mayAct }: { mayAct: boolean }) {
  const words = useWords();
  const [choice, setChoice] = useState<Choice>({
    group: "node",
    owner: "",
    device: "",
    collapse: "auto",
    opened: [],
    closed: [],
  });
  const [chosen, setChosen] = useState("");
  const [tried, setTried] = useState<Tried | null>(null);
  const [search, setSearch] = useState("");
  const { picture, late, error, chosen: arrived } = usePicture(choice);
  const flow = useReactFlow();
  const fitted = useRef<string>(choice.group);
  useEffect(() => {
    // Another layout is another picture: it is shown whole, as the first one was.
    if (!arrived || fitted.current === choice.group) return;
    fitted.current = choice.group;
    requestAnimationFrame(() => void flow.fitView(FIT));
  }, [arrived, choice.group, flow]);
  const drawn = useMemo(
    () => (picture === undefined ? null : flowOf(picture, chosen, search)),
    [picture, chosen, search],
  );
  const owners = useMemo(
    () => [...new Set(picture?.boxes.map((box) => box.owner ?? "").filter(Boolean))].sort(),
    [picture],
  );
  if (picture === undefined || drawn === null) {
    return (
      <p className="notice" role="status">
        {error === null ? words("asking") : words("daemon-away")}
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
  const open = (id: string) => {
    const opens = picture.boxes.find((it) => it.id === id)?.opens ?? "";
    if (opens === "") return;
    setChoice(toggled(choice, opens, drawnAsOne(picture, opens)));
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
            onChange={(event) => setChoice({ ...choice, owner: event.target.value })}
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
            onChange={(event) =>
              setChoice({ ...choice, group: event.target.value as Choice["group"] })
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
            onChange={(event) =>
              setChoice({
                ...choice,
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
            onNodeClick={(_, node) => setChosen(node.id)}
            onNodeDoubleClick={(_, node) => open(node.id)}
            onPaneClick={() => setChosen("")}
            onNodesChange={(changes) => {
              // By the keyboard; what else changes comes with the next picture.
              for (const change of changes) {
                if (change.type === "select" && change.selected) setChosen(change.id);
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
