# gets it
$client = New-Object Net.WebClient
$client.DownloadString('http://example.test')
