cd /d "%~dp0"
setup
