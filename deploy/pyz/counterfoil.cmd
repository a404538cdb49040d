@echo off
rem Counterfoil, the holder's tool. Keep this file beside the folder "app" (and "python", if there is one).
setlocal
set "PYTHONSAFEPATH=1"
set "HERE=%~dp0"
set "WANTED=@PYTHON@"

if not exist "%HERE%app\manifest.json" goto incomplete
if exist "%HERE%python\python.exe" goto beside

py -%WANTED% -c "" >nul 2>nul
if not errorlevel 1 goto launcher
python -c "import sys; sys.exit('%%d.%%d' %% sys.version_info[:2] != '%WANTED%')" >nul 2>nul
if not errorlevel 1 goto installed
goto missing

:beside
"%HERE%python\python.exe" -I -S "%HERE%app" %*
exit /b %errorlevel%

:launcher
py -%WANTED% -I -S "%HERE%app" %*
exit /b %errorlevel%

:installed
python -I -S "%HERE%app" %*
exit /b %errorlevel%

:incomplete
>&2 echo Error: The folder "app" is not beside counterfoil.cmd.
>&2 echo Unpack the whole ZIP file first (right-click, Extract All), then start counterfoil.cmd in the new folder.
exit /b 1

:missing
>&2 echo Error: Counterfoil needs Python %WANTED% (64-bit), which was not found on this computer.
>&2 echo Ask your IT department for it, or get the ZIP file that has Python in it. See README.txt.
exit /b 1
