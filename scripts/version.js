'use strict';

/** Writes the version of package.json into src/version.ts, where programs without a file system read it; `npm version` runs this. */
const fs = require('node:fs');
const path = require('node:path');

const { version } = require('../package.json');

const file = path.join(__dirname, '..', 'src', 'version.ts');
const text = fs.readFileSync(file, 'utf8');
fs.writeFileSync(file, text.replace(/VERSION = '.*'/, `VERSION = '${version}'`));
