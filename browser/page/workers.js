// Workers run the very script of this page, from a blob: URL, which is all that the policy allows.

/**
 * `listeners` by kind of message. A worker that breaks is a fault. It says when it is ready: what
 * is sent before its modules have run would be lost.
 */
export function startWorker(listeners, script) {
  // Whoever starts one makes the URL: from a page that is a file no other may read it.
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(url);
  const ready = new Promise((done) => {
    const all = { ready: done, ...listeners };
    worker.addEventListener("message", ({ data }) => all[data.kind]?.(data));
  });
  worker.addEventListener("error", (event) => listeners.fault({ message: event.message ?? "" }));
  worker.addEventListener("messageerror", () => listeners.fault({ message: "a message was lost" }));
  return {
    send: (message) => ready.then(() => worker.postMessage(message)),
    end: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

export const ownScript = () => document.getElementById("program").textContent;
