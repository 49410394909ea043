<# .SYNOPSIS #>
function Get-Thing {
  [CmdletBinding()]
  param()
  Write-Host 'hi'
}
