// Loaded before Azurite. Its stdin is a pipe whose other end only the starting process holds: when that process is gone,
// however it went, the pipe ends and so does the storage. Nothing is left listening after a killed test run.
process.stdin.on("end", () => process.exit(0)).on("error", () => process.exit(0)).resume();
