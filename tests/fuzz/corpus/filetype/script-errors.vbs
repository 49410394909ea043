' nothing
On Error Resume Next
MsgBox "x"
