// The grammar of 1999, and none of the words that it keeps for later.

export const OLD = { ecmaVersion: 3, sourceType: "script", allowReserved: "never" };
