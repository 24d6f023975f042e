import { defineConfig } from "vitest/config";

// In development (`npm run dev`) the API is that of an argosyd on its default port; ARGOSY_SERVER names another.
const server = process.env["ARGOSY_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  resolve: {
    alias: {
      react: "preact/compat",
      "react-dom": "preact/compat",
      "react/jsx-runtime": "preact/jsx-runtime",
    },
  },
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    rollupOptions: {
      // The query library marks its modules for servers that render React; there are none here.
      onwarn: (warning, warn) => warning.code !== "MODULE_LEVEL_DIRECTIVE" && warn(warning),
    },
  },
  server: { proxy: { "/api": server } },
  test: {
    include: ["src/**/*.test.ts", "src/**/*.test.tsx"],
    setupFiles: ["src/testing/browser.ts"],
    // Else the library would find React itself, past the alias above.
    server: { deps: { inline: ["@tanstack/react-query"] } },
  },
});
