// Where the page starts: it reads its data and hands it to the explorer.

import { startTheme } from "./theme";
import { startTips } from "./tip";

async function readData(): Promise<unknown> {
  const text = document.getElementById("data")?.textContent ?? "";
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser cannot unpack it; one of 2023 or later can");
  }
  const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

async function start(): Promise<void> {
  startTheme();
  startTips();
  void (await readData());
}

start().catch((error: unknown) => {
  const words = error instanceof Error ? error.message : String(error);
  document.getElementById("app")!.textContent = `This page could not be read: ${words}.`;
});
