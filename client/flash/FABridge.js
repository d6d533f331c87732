// Pages of 2010 include this file between swfobject.js and web_socket.js. Ours needs no bridge; what such a page may name is here. ES3.
var FABridge = window.FABridge || {
  instances: {},
  initCallbacks: {},
  // There is no bridge whose initialization could be told.
  addInitializationCallback: function (name, callback) {
    var all = this.initCallbacks;
    (all[name] = all[name] || []).push(callback);
  }
};
