// Alipay
