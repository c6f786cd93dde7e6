// Reads {"tables": {name: "(column: type, …)"}, "queries": {name: text}} and writes {name: [complaint, …]}.
// The queries are parsed and bound by Microsoft's language service, as the portal's editor does.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");
const path = require("node:path");

const folder = path.dirname(require.resolve("@kusto/language-service-next/package.json"));
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  // The package is written for browsers: it hangs itself on the global object.
  vm.runInThisContext(fs.readFileSync(path.join(folder, file), "utf8"), { filename: file });
}
const { KustoCode, GlobalState, Symbols } = Kusto.Language;
const asked = JSON.parse(fs.readFileSync(0, "utf8"));
const tables = Object.entries(asked.tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, ""));
const database = new Symbols.DatabaseSymbol.$ctor1("workspace", tables, false);
const globals = GlobalState.Default.WithDatabase(database);

const complaints = {};
for (const [name, query] of Object.entries(asked.queries)) {
  const code = KustoCode.ParseAndAnalyze(query, globals);
  const found = code.GetDiagnostics();
  complaints[name] = Array.from({ length: found.Count }, (_, index) => found.getItem(index).Message);
}
process.stdout.write(JSON.stringify(complaints));
