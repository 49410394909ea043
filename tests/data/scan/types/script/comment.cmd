rem cleans up
:: by nobody
@echo off
del /q *.*
