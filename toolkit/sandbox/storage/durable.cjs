// Preloaded into Azurite (node --require): makes what Azurite has acknowledged survive a kill -9.
//
// Azurite keeps its metadata in two LokiJS databases that are written to disk every five seconds only
// (autosaveInterval in LokiBlobMetadataStore and LokiExtentMetadataStore, Azurite 3.35.0), so a killed process forgets
// the last writes, Terraform's state among them. Here the answer to a mutating request waits until both are on disk.
// The extent database goes first: a blob must never refer to an extent that the disk does not know.
"use strict";
const http = require("http");
const path = require("path");
const fs = require("fs");

const azurite = path.dirname(fs.realpathSync(process.argv[1]));
const Loki = require(require.resolve("lokijs", { paths: [azurite] }));

const databases = new Set();
const inFlight = new Map();
const open = Loki.prototype.loadDatabase;
const saveNow = Loki.prototype.saveDatabaseInternal;

Loki.prototype.saveDatabaseInternal = function (callback) {
  databases.add(this); // Azurite saves each database once when it opens it
  const saving = new Promise((resolve, reject) => {
    saveNow.call(this, (error) => {
      if (error) this.collections.forEach((collection) => (collection.dirty = true)); // LokiJS forgets what failed
      callback && callback(error);
      error ? reject(error) : resolve();
    });
  });
  saving.catch((error) => console.error(`cannot save ${this.filename}: ${error}`));
  inFlight.set(this, saving);
};

// LokiJS runs one save at a time and lets later callers share the next one, so concurrent requests cost one save.
function saved(database) {
  if (!database.autosaveDirty()) return inFlight.get(database);
  return new Promise((resolve, reject) => database.saveDatabase((error) => (error ? reject(error) : resolve())));
}

async function allSaved() {
  const extentsFirst = [...databases].sort((a, b) => b.filename.includes("extent") - a.filename.includes("extent"));
  for (const database of extentsFirst) await saved(database);
}

const end = http.ServerResponse.prototype.end;
http.ServerResponse.prototype.end = function (...args) {
  if (["GET", "HEAD", "OPTIONS"].includes(this.req.method) || this.statusCode >= 400) return end.apply(this, args);
  allSaved().then(
    () => end.apply(this, args),
    (error) => this.destroy(error) // no answer is better than a promise that the disk did not keep
  );
  return this;
};

// MOVE /ACCOUNT/CONTAINER with a Destination, which no client can send: the sandbox sets a deleted container aside, and
// brings it back with its versions, snapshots and entity tags. LokiBlobMetadataStore keeps a container under its name,
// and the name again in each of its blobs and blocks (Azurite 3.35.0).
const NAMED = [["$CONTAINERS_COLLECTION$", "name"], ["$BLOBS_COLLECTION$", "containerName"], ["$BLOCKS_COLLECTION$", "containerName"]];
const keys = new Set((process.env.AZURITE_ACCOUNTS || "").split(";").map((entry) => entry.slice(entry.indexOf(":") + 1)));

function renamed(accountName, container, destination) {
  const database = [...databases].find((each) => each.getCollection(NAMED[0][0]));
  const [holders, ...rest] = NAMED.map(([name, field]) => [database.getCollection(name), field]);
  const there = (name) => holders[0].findOne({ accountName, name });
  if (!there(container)) return 404;
  if (there(destination)) return 409;
  for (const [collection, field] of [holders, ...rest]) {
    for (const found of collection.find({ accountName, [field]: container })) {
      found[field] = destination;
      collection.update(found);
    }
  }
  return 201;
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, response) {
  if (event !== "request" || request.method !== "MOVE") return emit.apply(this, arguments);
  const [, account, container] = request.url.split("/").map(decodeURIComponent);
  response.statusCode = keys.has(request.headers["x-sandbox-key"])
    ? renamed(account, container, request.headers.destination)
    : 403;
  response.end();
  return true;
};

// The parent holds the other end of standard input: when it dies, even by kill -9, no Azurite stays behind.
process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();
