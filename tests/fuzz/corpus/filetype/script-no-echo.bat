set NAME=x
if exist %NAME% goto end
copy a b
:end
pause >nul
