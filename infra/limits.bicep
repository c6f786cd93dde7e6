// The ranges that numbers of the parameters have. A value that ARM accepts is one the app starts with.

@export()
@minValue(0)
@maxValue(365)
@description('A whole number from 0 to 365.')
type from0To365 = int

@export()
@minValue(0)
@maxValue(1000)
@description('A whole number from 0 to 1000.')
type from0To1000 = int

@export()
@minValue(0)
@maxValue(2160)
@description('A whole number from 0 to 2160.')
type from0To2160 = int

@export()
@minValue(0)
@maxValue(87600)
@description('A whole number from 0 to 87600.')
type from0To87600 = int

@export()
@minValue(1)
@maxValue(47)
@description('A whole number from 1 to 47.')
type from1To47 = int

@export()
@minValue(1)
@maxValue(60)
@description('A whole number from 1 to 60.')
type from1To60 = int

@export()
@minValue(1)
@maxValue(1000)
@description('A whole number from 1 to 1000.')
type from1To1000 = int

@export()
@minValue(1)
@maxValue(1440)
@description('A whole number from 1 to 1440.')
type from1To1440 = int

@export()
@minValue(1)
@maxValue(2160)
@description('A whole number from 1 to 2160.')
type from1To2160 = int

@export()
@minValue(1)
@maxValue(3650)
@description('A whole number from 1 to 3650.')
type from1To3650 = int

@export()
@minValue(10)
@maxValue(493)
@description('A whole number from 10 to 493.')
type from10To493 = int

@export()
@minValue(30)
@maxValue(730)
@description('A whole number from 30 to 730.')
type from30To730 = int

@export()
@minValue(60)
@maxValue(785)
@description('A whole number from 60 to 785.')
type from60To785 = int
