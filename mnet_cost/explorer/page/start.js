"use strict";
(() => {
  // src/unpack.ts
  async function unpack(id) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser cannot unpack it; one of 2023 or later can");
    }
    const text = document.getElementById(id)?.textContent ?? "";
    const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }
  function sayBroken(error) {
    const words = error instanceof Error ? error.message : String(error);
    document.getElementById("app").textContent = `This page could not be read: ${words}.`;
  }

  // src/start.ts
  async function start() {
    for (const name of ["style", "script"]) {
      const element = document.createElement(name);
      element.textContent = await unpack(`packed-${name}`);
      document.head.append(element);
    }
  }
  start().catch(sayBroken);
})();
