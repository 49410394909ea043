const fs = require('fs');
fs.unlinkSync('x');
