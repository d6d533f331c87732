// The language of 1999 (ECMA-262, third edition) in a context of Node's vm: what came later is deleted, and what JScript 5.6 does in its own way
// is done so. What no deletion can show stands here, too: in that engine "abc"[0] is undefined, and \s does not match a no-break space.

import vm from "node:vm";

/** Sections 15.1 to 15.11 and B.2: the names that each object has. `flags` and its kin came later, and V8's own `replace` reads them. */
const ES3 = {
  globalThis: "NaN Infinity undefined eval parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape Object Function Array String Boolean "
    + "Number Date RegExp Error EvalError RangeError ReferenceError SyntaxError TypeError URIError Math",
  Object: "prototype length name",
  "Object.prototype": "constructor toString toLocaleString valueOf hasOwnProperty isPrototypeOf propertyIsEnumerable",
  Function: "prototype length name",
  "Function.prototype": "constructor toString apply call length name",
  Array: "prototype length name",
  "Array.prototype": "constructor length toString toLocaleString concat join pop push reverse shift slice sort splice unshift",
  String: "prototype length name fromCharCode",
  "String.prototype": "constructor length toString valueOf charAt charCodeAt concat indexOf lastIndexOf localeCompare match replace search slice split substr substring toLowerCase "
    + "toLocaleLowerCase toUpperCase toLocaleUpperCase",
  Boolean: "prototype length name",
  "Boolean.prototype": "constructor toString valueOf",
  Number: "prototype length name MAX_VALUE MIN_VALUE NaN NEGATIVE_INFINITY POSITIVE_INFINITY",
  "Number.prototype": "constructor toString toLocaleString valueOf toFixed toExponential toPrecision",
  Math: "E LN10 LN2 LOG2E LOG10E PI SQRT1_2 SQRT2 abs acos asin atan atan2 ceil cos exp floor log max min pow random round sin sqrt tan",
  Date: "prototype length name parse UTC",
  "Date.prototype": "constructor toString toDateString toTimeString toLocaleString toLocaleDateString toLocaleTimeString valueOf getTime getFullYear getUTCFullYear getMonth getUTCMonth getDate "
    + "getUTCDate getDay getUTCDay getHours getUTCHours getMinutes getUTCMinutes getSeconds getUTCSeconds getMilliseconds getUTCMilliseconds getTimezoneOffset setTime setMilliseconds "
    + "setUTCMilliseconds setSeconds setUTCSeconds setMinutes setUTCMinutes setHours setUTCHours setDate setUTCDate setMonth setUTCMonth setFullYear setUTCFullYear toUTCString getYear setYear "
    + "toGMTString",
  RegExp: "prototype length name $1 $2 $3 $4 $5 $6 $7 $8 $9",
  "RegExp.prototype": "constructor exec test toString compile source global ignoreCase multiline lastIndex flags sticky unicode unicodeSets dotAll hasIndices",
  Error: "prototype length name",
  "Error.prototype": "constructor name message toString",
};

/** Runs in the context, before any script of a page. `isHost` tells an object of the browser from one of the script. */
function cut(names, isHost) {
  const { getOwnPropertyNames, defineProperty } = Object;
  const { apply, construct } = Reflect;
  const NativeDate = Date;
  const { parse, UTC } = Date;
  const native = { parseInt, split: String.prototype.split, substr: String.prototype.substr, splice: Array.prototype.splice, slice: Array.prototype.slice,
    unshift: Array.prototype.unshift, toString: Object.prototype.toString };
  const kind = (value) => apply(native.toString, value, []);
  const set = (object, name, value) => defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });

  // The list first: the deletions take away what makes it.
  const listed = names.flatMap(([path, kept]) => {
    const object = path === "globalThis" ? globalThis : path.split(".").reduce((parent, name) => parent[name], globalThis);
    const wanted = new Set(kept.split(" "));
    return getOwnPropertyNames(object).map((name) => [path, object, name, wanted.has(name)]);
  });
  // JScript's own ways.
  set(Date, "parse", (text) => (/^\s*[+-]?\d{4,6}-\d/.test(String(text)) ? NaN : parse(text)));
  const OldDate = function Date(...all) {
    if (new.target === undefined) {
      return apply(NativeDate, undefined, []);
    }
    return construct(NativeDate, all.length === 1 && typeof all[0] === "string" ? [OldDate.parse(all[0])] : all);
  };
  OldDate.prototype = NativeDate.prototype;
  set(OldDate, "parse", Date.parse);
  set(OldDate, "UTC", UTC);
  set(NativeDate.prototype, "constructor", OldDate);
  set(globalThis, "Date", OldDate);
  set(globalThis, "parseInt", (text, radix) => native.parseInt(text, radix === undefined && /^\s*[+-]?0\d/.test(String(text)) ? 8 : radix));
  set(String.prototype, "substr", function substr(start, ...count) {
    return apply(native.substr, this, [Math.max(0, start), ...count]);
  });
  // Neither what is empty nor what the groups matched.
  set(String.prototype, "split", function split(by, limit) {
    if (kind(by) !== "[object RegExp]") {
      return apply(native.split, this, [by, limit]);
    }
    const parts = [];
    const ends = new RegExp(by.source, `g${by.ignoreCase ? "i" : ""}${by.multiline ? "m" : ""}`);
    let from = 0;
    for (let found = ends.exec(this); found !== null; found = ends.exec(this)) {
      parts[parts.length] = this.substring(from, found.index);
      from = found.index + found[0].length;
      ends.lastIndex += found[0] === "" ? 1 : 0;
    }
    parts[parts.length] = this.substring(from);
    const kept = [];
    for (let index = 0; index < parts.length; index += 1) {
      if (parts[index] !== "") {
        kept[kept.length] = parts[index];
      }
    }
    return kept;
  });
  set(Array.prototype, "splice", function splice(...all) {
    return apply(native.splice, this, all.length === 1 ? [all[0], 0] : all);
  });
  set(Array.prototype, "unshift", function unshift(...all) {
    apply(native.unshift, this, all);
  });
  set(Array.prototype, "slice", function slice(...all) {
    if (isHost(this)) {
      throw new TypeError("JScript object expected");
    }
    return apply(native.slice, this, all);
  });
  set(Function.prototype, "apply", function oldApply(self, ...all) {
    if (all.length > 0 && kind(all[0]) !== "[object Array]" && kind(all[0]) !== "[object Arguments]") {
      throw new TypeError("Array or arguments object expected");
    }
    return apply(this, self, all.length > 0 ? all[0] : []);
  });

  for (const [path, object, name, isKept] of listed) {
    // `Number.EPSILON` and two other constants stay.
    if (!isKept && !delete object[name] && typeof object[name] !== "number") {
      throw new Error(`${path}.${name} cannot be deleted`);
    }
  }
}

/** Makes a context whose globals are these and those of ES3. `names` says which of `globals` stay. */
export function oldContext(globals, isHost) {
  const context = vm.createContext(globals);
  const names = Object.entries({ ...ES3, globalThis: `${ES3.globalThis} ${Object.keys(globals).join(" ")}` });
  vm.runInContext(`(${cut})`, context)(names, isHost);
  return context;
}
