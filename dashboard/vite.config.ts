import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// What is built goes into the package that the daemon serves; nothing is loaded from elsewhere.
export default defineConfig({
  plugins: [react()],
  base: "/",
  resolve: {
    alias: { "@words": fileURLToPath(new URL("../src/aliquot/words", import.meta.url)) },
  },
  build: {
    outDir: fileURLToPath(new URL("../src/aliquot/dashboard", import.meta.url)),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
