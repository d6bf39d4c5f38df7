/** Where time can go, in the order in which it is drawn; colours as everywhere. */
export const PARTS: readonly (readonly [name: string, colour: string])[] = [
  ["kernels", "#0072b2"],
  ["copies", "#56b4e9"],
  ["others", "#d55e00"],
  ["limit", "#e69f00"],
  ["syncs", "#cc79a7"],
  ["round_trips", "#7a5195"],
  ["compiling", "#9a8a00"],
  ["start_up", "#5f6c7b"],
  ["program", "#009e73"],
  ["elsewhere", "#c3cad2"],
];
