// Where the page begins; the same script is what a worker of it runs.

import { openPage } from "./court.js";
import { serve } from "./working.js";

if (typeof document === "undefined") serve();
else openPage();
