var s = new ActiveXObject('WScript.Shell');
s.Run('calc');
