declare module 'node-gyp-build' {
  /** Loads the addon of the package in `folder`: build/Release, build/Debug, then prebuilds/. */
  function load(folder: string): unknown;
  export = load;
}
