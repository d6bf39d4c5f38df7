import "react";

declare module "react" {
  interface CSSProperties {
    /** The colour of the vGPU that something is about. */
    "--of"?: string;
  }
}
