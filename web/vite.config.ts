import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** During development the pages come from Vite and everything live from a running service. */
const SERVICE = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  base: "./",
  build: {
    target: "es2022",
    // A data: URL would need an exception in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "build-manifest.json",
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      // The operators' page is an entry of its own, so that none of its script is loaded by anybody else.
      input: { index: "index.html", operator: "operator.html" },
      output: {
        // A dozen of small files cost a slow machine more than they save: what most screens share is one.
        codeSplitting: {
          groups: [
            { name: "library", test: /node_modules[\\/](react|react-dom|scheduler|i18next|react-i18next|zustand|lucide-react)[\\/]/ },
            { name: "shared", test: /src[\\/](ui|app|core|state|screens[\\/]entry)[\\/]/ },
          ],
        },
      },
    },
  },
  server: {
    proxy: { "/api": SERVICE, "/health": SERVICE, "/ready": SERVICE, "/ws": { target: SERVICE, ws: true } },
  },
  test: {
    environment: "node",
    include: ["tests/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    pool: "threads",
    maxWorkers: 2,
  },
});
