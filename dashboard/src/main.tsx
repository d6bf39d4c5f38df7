import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "@xyflow/react/dist/style.css";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { Failure } from "./api/request";
import { Page } from "./page/Page";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // What was refused stays refused; who doesn't answer is asked again by the next beat.
      retry: (count, error) => !(error instanceof Failure) && count < 1,
      refetchOnWindowFocus: false,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <Page />
      </QueryClientProvider>
    </StrictMode>,
  );
}
