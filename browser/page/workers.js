// Workers run the very script of this page, from a blob: URL, which is all that the policy allows.

/**
 * `listeners` by kind of message. A worker that breaks is a fault. It says when it is ready: what
 * is sent before its modules have run would be lost.
 */
export function startWorker(listeners, source = null) {
  const url = source ?? URL.createObjectURL(new Blob([ownScript()], { type: "text/javascript" }));
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
      if (source === null) URL.revokeObjectURL(url);
    },
  };
}

const ownScript = () => document.getElementById("program").textContent;
