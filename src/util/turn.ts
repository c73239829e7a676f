const waiting: (() => void)[] = [];
let scheduled = false;

/**
 * Calls `run` when the input that is ready in this turn of the event loop has been handled. What many stanzas of one turn
 * touch, such as a socket, is thus worked on once.
 */
export function atEndOfTurn(run: () => void): void {
  waiting.push(run);
  if (scheduled) return;
  scheduled = true;
  setImmediate(runAll);
}

function runAll(): void {
  scheduled = false;
  // What is added while these run belongs to the next turn.
  for (const run of waiting.splice(0)) {
    try {
      run();
    } catch (error) {
      // A bug of one must not keep the others from running; it surfaces all the same.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
