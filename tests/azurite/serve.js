// Azurite, the emulator of Azure Storage, for as long as whoever started it keeps this process's standard input open.
'use strict';
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
require('azurite/dist/src/blob/main.js');
