// Refusals, in the families of `ledger/errors.py`; a message is what a finding says.
//
// Any other exception is a fault of this program, never a verdict over a packet.

export class LedgerError extends Error {
  constructor(message, { hints = [] } = {}) {
    super(message);
    this.name = this.constructor.name;
    this.hints = hints;
  }
}

// Not in the format. `path` is the part that is bad.
export class Malformed extends LedgerError {
  constructor(message, { path = "", hints = [] } = {}) {
    super(path ? `${path}: ${message}` : message, { hints });
    this.bare = message;
    this.path = path;
  }

  // The same refusal, seen from the thing that contains the bad part.
  under(parent) {
    const joiner = !this.path || this.path.startsWith("[") ? "" : ".";
    return new Malformed(this.bare, { path: `${parent}${joiner}${this.path}`, hints: this.hints });
  }
}

// In the format, not to be believed.
export class Rejected extends LedgerError {}

// Nothing of that name is here.
export class Unknown extends Rejected {}

// The disk or the browser would not do its part, or nothing here can tell.
export class Unavailable extends LedgerError {}

// No library here computes it: nothing was found, good or bad.
export class Uncomputed extends Unavailable {}
