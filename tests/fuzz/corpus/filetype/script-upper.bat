@ECHO OFF
START calc.exe
