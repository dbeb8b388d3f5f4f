declare module 'node-gyp-build' {
  /** Loads the addon of the package in `folder`: build/Release, build/Debug, then prebuilds/. */
  function load(folder: string): unknown;
  namespace load {
    /** The file that {@link load} would load. */
    function resolve(folder: string): string;
  }
  export = load;
}
