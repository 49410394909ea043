param(
    [string]$Path
)
Get-Item $Path
