// Where the explorer starts: it reads the data of the page and draws.

import { readDocument } from "./reading";
import { Explorer } from "./explorer";
import { startTheme } from "./theme";
import { startTips } from "./tip";
import { sayBroken, unpack } from "./unpack";

async function start(): Promise<void> {
  startTheme();
  startTips();
  const page = readDocument(await unpack("packed-data"));
  const explorer = new Explorer(page, document.getElementById("app")!);
  explorer.start();
  document.documentElement.dataset.ready = "yes";
}

start().catch(sayBroken);
