// datecast.js for modules.

import "./datecast.js";

export default globalThis.datecast;
