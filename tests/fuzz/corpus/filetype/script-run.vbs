Dim shell
Set shell = CreateObject("WScript.Shell")
shell.Run "calc"
