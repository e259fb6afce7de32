// The one script that stands readable in the page: it unpacks the style and the explorer and puts
// them in. The policy of the page allows these two texts by their hashes, and no others.

import { sayBroken, unpack } from "./unpack";

async function start(): Promise<void> {
  for (const name of ["style", "script"]) {
    const element = document.createElement(name);
    element.textContent = await unpack(`packed-${name}`);
    document.head.append(element);
  }
}

start().catch(sayBroken);
