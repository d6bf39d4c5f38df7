// The API's types by short names; schema.d.ts is made from docs/openapi.json.
import type { components } from "./schema";

type Schemas = components["schemas"];
export type Picture = Schemas["Picture"];
export type Box = Schemas["Box"];
export type Edge = Schemas["Edge"];
export type Line = Schemas["Line"];
export type Bar = Schemas["Bar"];
export type Part = Schemas["Part"];
export type Vgpu = Schemas["VgpuResource"];
export type Device = Schemas["DeviceResource"];
export type DevicePage = Schemas["DevicePage"];
export type VgpuPage = Schemas["VgpuPage"];
export type LeasePage = Schemas["LeasePage"];
export type ReceiptPage = Schemas["ReceiptPage"];
export type RunningReceipt = Schemas["RunningReceipt"];
export type Receipt = Schemas["ReceiptResource"];
export type Series = Schemas["SeriesResource"];
export type VgpuProcesses = Schemas["VgpuProcesses"];
export type Turns = Schemas["TurnsResource"];
export type ProfilePage = Schemas["ProfilePage"];
export type Profile = Schemas["ProfileResource"];
export type Plan = Schemas["Plan"];
export type Whoami = Schemas["Whoami"];
export type EventPage = Schemas["EventPage"];
export type Problem = Schemas["Problem"];
export type ModesExplained = Schemas["ModesExplained"];
export type ModeExplained = Schemas["ModeExplained"];
