export interface FileHints {
  /** Something may have changed. */
  readonly hint: () => void;
  /** The watch fell silent, or never began. */
  readonly failed: (error: unknown) => void;
}

/** Starts to watch files, there or not; `close` ends it. An event is a hint only: which ones come differs from case to case. */
export type WatchFiles = (paths: readonly string[], hints: FileHints) => Promise<{ close(): Promise<void> }>;

/** Links are not followed, or a Kubernetes volume that keeps its old directory and certbot's links would change unseen. */
export const watchFiles: WatchFiles = async (paths, { hint, failed }) => {
  const { watch } = await import('chokidar');
  const watcher = watch([...paths], { ignoreInitial: true, followSymlinks: false });
  return watcher.on('all', hint).on('error', failed);
};
