import react from "@vitejs/plugin-react";
import { defineConfig, loadEnv } from "vite";

// `npm run dev` serves the page and passes the API on to a running Askline.
export default defineConfig(({ mode }) => ({
  plugins: [react()],
  build: {
    target: "es2022",
    // The page's security policy allows files of its own origin only: no data: URLs, no inline preload script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/v1": { target: loadEnv(mode, ".", "ASKLINE_").ASKLINE_URL ?? "http://127.0.0.1:8080", ws: true } },
  },
}));
