var a = 'x';
var b = eval(unescape(a));
