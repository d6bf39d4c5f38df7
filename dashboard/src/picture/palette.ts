// The colours of vGPUs, after Okabe and Ito (2008); the same as in pictures in files.
const VGPUS = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#d55e00",
  "#9a8a00",
  "#7a5195",
] as const;
export const OTHERS = "#9aa5b1";

export function ofVgpu(vgpu: string): string {
  if (vgpu === "") return OTHERS;
  return VGPUS[Number.parseInt(vgpu.slice(-4), 16) % VGPUS.length] ?? OTHERS;
}
