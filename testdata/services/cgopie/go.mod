module example.com/cgopie

go 1.26
