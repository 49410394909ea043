"use strict";
function go() { return 1; }
