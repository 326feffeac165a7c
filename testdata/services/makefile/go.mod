module example.com/makefile

go 1.26
