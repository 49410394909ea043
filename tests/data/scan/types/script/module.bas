Attribute VB_Name = "Module1"
Sub A()
End Sub
