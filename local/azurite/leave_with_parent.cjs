// Loaded before Azurite. Its stdin is a pipe whose other end only the starting process holds: when that process is gone,
// however it went, the pipe ends and so does the storage. Nothing is left listening after a killed test run.
const leave = () => process.exit(0);

const close = () => {
  // What is kept on disk is written when Azurite closes, which it does on SIGTERM; in memory there is nothing to write.
  const writes = !process.argv.includes("--inMemoryPersistence") && process.emit("SIGTERM", "SIGTERM");
  setTimeout(leave, writes ? 5000 : 0).unref();
};

process.stdin.on("end", close).on("error", close).resume();
